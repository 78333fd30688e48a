-- schema.sql - ledger.sqlite, version 4 (PRAGMA user_version).
-- Times are ms UTC, money nano-dollars, rates pico-dollars per token.
-- Embedded into the binary; an older file gets here in the steps of
-- lib/ledger/migrate.c, which end in the same tables and indexes.

CREATE TABLE tenant(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  origin TEXT NOT NULL,
  rate_limit_per_min INTEGER, tokens_per_min INTEGER, max_concurrent INTEGER,
  default_session_budget_nano INTEGER,
  created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL) STRICT;

CREATE TABLE api_key(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant_id INTEGER NOT NULL,
  hash BLOB NOT NULL UNIQUE,
  first4 TEXT NOT NULL, last4 TEXT NOT NULL, name TEXT,
  is_active INTEGER NOT NULL,
  created_at INTEGER NOT NULL, last_used_at INTEGER, revoked_at INTEGER) STRICT;
CREATE INDEX api_key_tenant ON api_key(tenant_id);

-- tenant_id 0: none.  scope_id: decimal id, or session, user, model name.
CREATE TABLE budget(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  scope_kind INTEGER NOT NULL, scope_id TEXT NOT NULL,
  tenant_id INTEGER NOT NULL,
  period INTEGER NOT NULL, window INTEGER NOT NULL,
  start_at INTEGER NOT NULL, end_at INTEGER NOT NULL,
  amount_nano INTEGER NOT NULL, mode TEXT NOT NULL, alert_thresholds TEXT,
  is_active INTEGER NOT NULL, weight INTEGER NOT NULL,
  inheritance_mode TEXT NOT NULL,
  created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
  UNIQUE(scope_kind, scope_id, tenant_id, period, window)) STRICT;
CREATE INDEX budget_tenant ON budget(tenant_id);

CREATE TABLE tag(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant_id INTEGER NOT NULL, name TEXT NOT NULL, description TEXT,
  parent_id INTEGER, path TEXT NOT NULL, level INTEGER NOT NULL,
  is_active INTEGER NOT NULL, color TEXT, metadata TEXT,
  session_budget_nano INTEGER,
  created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
  UNIQUE(tenant_id, name), UNIQUE(tenant_id, path)) STRICT;

CREATE TABLE session(
  tenant_id INTEGER NOT NULL, session_id TEXT NOT NULL,
  name TEXT, path TEXT,
  custom_budget_nano INTEGER, tag_budget_nano INTEGER,
  status TEXT NOT NULL DEFAULT 'active', metadata TEXT,
  created_at INTEGER NOT NULL, last_active_at INTEGER NOT NULL,
  PRIMARY KEY(tenant_id, session_id)) STRICT, WITHOUT ROWID;
CREATE INDEX session_name ON session(session_id);

CREATE TABLE model_price(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  model TEXT NOT NULL, provider TEXT NOT NULL, version_tag TEXT NOT NULL,
  source TEXT NOT NULL, deleted INTEGER NOT NULL DEFAULT 0,
  UNIQUE(provider, model)) STRICT;

CREATE TABLE price_version(
  version INTEGER PRIMARY KEY AUTOINCREMENT,
  model_price_id INTEGER NOT NULL, valid_from INTEGER NOT NULL,
  "in" INTEGER NOT NULL, cached INTEGER, out INTEGER NOT NULL,
  cache_write INTEGER, cache_write_1h INTEGER, audio_in INTEGER,
  audio_out INTEGER, image_in INTEGER, image_out INTEGER,
  per_image INTEGER, web_search INTEGER, long_above INTEGER,
  fast_permille INTEGER, us_permille INTEGER, eu_permille INTEGER,
  max_output INTEGER, context INTEGER) STRICT;

CREATE TABLE ledger(
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL, request_id TEXT NOT NULL,
  ts INTEGER NOT NULL, recorded_at INTEGER NOT NULL,
  tenant TEXT, tenant_id INTEGER NOT NULL, key_id INTEGER,
  route TEXT, method TEXT, provider TEXT, model TEXT, model_answered TEXT,
  usd INTEGER NOT NULL,
  prompt_tok INTEGER NOT NULL, cached_tok INTEGER NOT NULL,
  cache_write_tok INTEGER NOT NULL, comp_tok INTEGER NOT NULL,
  reasoning_tok INTEGER NOT NULL,
  status TEXT, reason TEXT, http_status INTEGER, metered_by TEXT,
  price_version INTEGER, price_basis TEXT, held INTEGER NOT NULL,
  session TEXT, "user" TEXT, ingest_token_id INTEGER, event_id TEXT,
  corrects INTEGER, detail TEXT,
  latency_ms INTEGER, ttft_ms INTEGER, stream INTEGER NOT NULL,
  hash BLOB NOT NULL) STRICT;
CREATE UNIQUE INDEX ledger_request ON ledger(request_id) WHERE kind = 'usage';
CREATE UNIQUE INDEX ledger_event ON ledger(ingest_token_id, event_id)
  WHERE event_id IS NOT NULL;
CREATE INDEX ledger_ts ON ledger(ts);
CREATE INDEX ledger_tenant ON ledger(tenant_id, ts);
CREATE INDEX ledger_session ON ledger(session, tenant_id, ts, usd, kind)
  WHERE session IS NOT NULL;
CREATE INDEX ledger_user ON ledger("user", tenant_id, ts)
  WHERE "user" IS NOT NULL;
CREATE INDEX ledger_model ON ledger(model, ts);
-- most rows succeeded; pages of the others begin here
CREATE INDEX ledger_status ON ledger(status, ts, tenant_id, key_id)
  WHERE status <> 'success';
CREATE INDEX ledger_reason ON ledger(reason, ts) WHERE reason IS NOT NULL;
CREATE INDEX ledger_ingest ON ledger(ingest_token_id, ts)
  WHERE ingest_token_id IS NOT NULL;
-- usage that was pushed, see rollup_data
CREATE INDEX ledger_pushed ON ledger(ts)
  WHERE ingest_token_id IS NOT NULL OR reason = 'legacy';
-- rows that the rollups do not count as requests, with what filters ask
CREATE INDEX ledger_other ON ledger(
  ts, kind, tenant_id, key_id, tenant, model, provider, status)
  WHERE kind <> 'usage';
CREATE INDEX ledger_corrects ON ledger(corrects) WHERE corrects IS NOT NULL;

CREATE TABLE ledger_tag(
  ledger_id INTEGER NOT NULL, tag_id INTEGER NOT NULL,
  name TEXT NOT NULL, path TEXT NOT NULL, direct INTEGER NOT NULL,
  PRIMARY KEY(ledger_id, tag_id)) STRICT, WITHOUT ROWID;

CREATE TRIGGER ledger_no_update BEFORE UPDATE ON ledger
  BEGIN SELECT RAISE(ABORT, 'ledger is append-only'); END;
CREATE TRIGGER ledger_no_delete BEFORE DELETE ON ledger
  BEGIN SELECT RAISE(ABORT, 'ledger is append-only'); END;
-- REPLACE deletes without firing delete triggers
CREATE TRIGGER ledger_no_replace BEFORE INSERT ON ledger
  WHEN EXISTS (SELECT 1 FROM ledger WHERE id = NEW.id) OR
    (NEW.kind = 'usage' AND EXISTS (SELECT 1 FROM ledger
      WHERE kind = 'usage' AND request_id = NEW.request_id))
  BEGIN SELECT RAISE(ABORT, 'ledger is append-only'); END;
CREATE TRIGGER ledger_tag_no_replace BEFORE INSERT ON ledger_tag
  WHEN EXISTS (SELECT 1 FROM ledger_tag
    WHERE ledger_id = NEW.ledger_id AND tag_id = NEW.tag_id)
  BEGIN SELECT RAISE(ABORT, 'ledger is append-only'); END;
CREATE TRIGGER ledger_tag_no_update BEFORE UPDATE ON ledger_tag
  BEGIN SELECT RAISE(ABORT, 'ledger is append-only'); END;
CREATE TRIGGER ledger_tag_no_delete BEFORE DELETE ON ledger_tag
  BEGIN SELECT RAISE(ABORT, 'ledger is append-only'); END;

-- tenant_id -1: all tenants (then key_id is 0).
CREATE TABLE rollup_hour(
  tenant_id INTEGER NOT NULL, bucket INTEGER NOT NULL,
  key_id INTEGER NOT NULL, model TEXT NOT NULL, provider TEXT NOT NULL,
  status TEXT NOT NULL, usd INTEGER NOT NULL, requests INTEGER NOT NULL,
  input INTEGER NOT NULL, cached INTEGER NOT NULL,
  cache_write INTEGER NOT NULL, output INTEGER NOT NULL,
  reasoning INTEGER NOT NULL,
  PRIMARY KEY(tenant_id, bucket, key_id, model, provider, status))
  STRICT, WITHOUT ROWID;
CREATE TABLE rollup_day(
  tenant_id INTEGER NOT NULL, bucket INTEGER NOT NULL,
  key_id INTEGER NOT NULL, model TEXT NOT NULL, provider TEXT NOT NULL,
  status TEXT NOT NULL, usd INTEGER NOT NULL, requests INTEGER NOT NULL,
  input INTEGER NOT NULL, cached INTEGER NOT NULL,
  cache_write INTEGER NOT NULL, output INTEGER NOT NULL,
  reasoning INTEGER NOT NULL,
  PRIMARY KEY(tenant_id, bucket, key_id, model, provider, status))
  STRICT, WITHOUT ROWID;
-- tag_id < 0: all that bears a tag directly of tenant -tag_id, each row once.
CREATE TABLE rollup_tag_hour(
  tag_id INTEGER NOT NULL, bucket INTEGER NOT NULL, direct INTEGER NOT NULL,
  status TEXT NOT NULL, usd INTEGER NOT NULL, requests INTEGER NOT NULL,
  input INTEGER NOT NULL, output INTEGER NOT NULL,
  PRIMARY KEY(tag_id, bucket, direct, status)) STRICT, WITHOUT ROWID;
CREATE TABLE rollup_tag_day(
  tag_id INTEGER NOT NULL, bucket INTEGER NOT NULL, direct INTEGER NOT NULL,
  status TEXT NOT NULL, usd INTEGER NOT NULL, requests INTEGER NOT NULL,
  input INTEGER NOT NULL, output INTEGER NOT NULL,
  PRIMARY KEY(tag_id, bucket, direct, status)) STRICT, WITHOUT ROWID;

-- The same by UTC month: counts of rows under a name that many tags have.
CREATE TABLE rollup_tag_month(
  tag_id INTEGER NOT NULL, bucket INTEGER NOT NULL, direct INTEGER NOT NULL,
  status TEXT NOT NULL, usd INTEGER NOT NULL, requests INTEGER NOT NULL,
  input INTEGER NOT NULL, output INTEGER NOT NULL,
  PRIMARY KEY(tag_id, bucket, direct, status)) STRICT, WITHOUT ROWID;

-- A slim day: what reports and counts of rows ask most.  `metered`: requests
-- that succeeded or were interrupted.
CREATE TABLE rollup_use(
  tenant_id INTEGER NOT NULL, bucket INTEGER NOT NULL,
  key_id INTEGER NOT NULL, usd INTEGER NOT NULL, requests INTEGER NOT NULL,
  metered INTEGER NOT NULL, input INTEGER NOT NULL, output INTEGER NOT NULL,
  PRIMARY KEY(tenant_id, bucket, key_id)) STRICT, WITHOUT ROWID;
-- The same by UTC month.
CREATE TABLE rollup_month(
  tenant_id INTEGER NOT NULL, bucket INTEGER NOT NULL,
  key_id INTEGER NOT NULL, usd INTEGER NOT NULL, requests INTEGER NOT NULL,
  metered INTEGER NOT NULL, input INTEGER NOT NULL, output INTEGER NOT NULL,
  PRIMARY KEY(tenant_id, bucket, key_id)) STRICT, WITHOUT ROWID;
-- Days of /data: metered usage by tracking token (0: POST /log, -1: proxy).
-- epoch_data: what of it lay before the last reset.
CREATE TABLE rollup_data(
  token_id INTEGER NOT NULL, bucket INTEGER NOT NULL, model TEXT NOT NULL,
  usd INTEGER NOT NULL, requests INTEGER NOT NULL,
  input INTEGER NOT NULL, output INTEGER NOT NULL,
  PRIMARY KEY(token_id, bucket, model)) STRICT, WITHOUT ROWID;
CREATE TABLE epoch_data(
  token_id INTEGER NOT NULL, bucket INTEGER NOT NULL, model TEXT NOT NULL,
  usd INTEGER NOT NULL, requests INTEGER NOT NULL,
  input INTEGER NOT NULL, output INTEGER NOT NULL,
  PRIMARY KEY(token_id, bucket, model)) STRICT, WITHOUT ROWID;
-- Names under which tenants and tags stand in rows; they can be renamed.
CREATE TABLE seen_tenant(
  tenant_id INTEGER NOT NULL, name TEXT NOT NULL,
  PRIMARY KEY(tenant_id, name)) STRICT, WITHOUT ROWID;
CREATE TABLE seen_tag(
  tag_id INTEGER NOT NULL, tenant_id INTEGER NOT NULL, name TEXT NOT NULL,
  PRIMARY KEY(name, tag_id)) STRICT, WITHOUT ROWID;
CREATE INDEX seen_tag_id ON seen_tag(tag_id);

CREATE TABLE ingest_token(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  label TEXT NOT NULL UNIQUE, token TEXT NOT NULL UNIQUE,
  tenant_id INTEGER NOT NULL, active INTEGER NOT NULL,
  created_at INTEGER NOT NULL, last_seen_at INTEGER,
  usage_count INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE alert(
  id INTEGER PRIMARY KEY AUTOINCREMENT, ts INTEGER NOT NULL,
  budget_id INTEGER NOT NULL, window_start INTEGER NOT NULL,
  scope TEXT NOT NULL, period TEXT NOT NULL, threshold INTEGER NOT NULL,
  spent_nano INTEGER NOT NULL, amount_nano INTEGER NOT NULL,
  tenant_id INTEGER NOT NULL,
  UNIQUE(budget_id, window_start, threshold)) STRICT;
CREATE INDEX alert_tenant ON alert(tenant_id, id);
-- One per alert and channel; pending until the channel took it.
CREATE TABLE alert_delivery(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  alert_id INTEGER NOT NULL, channel TEXT NOT NULL, state TEXT NOT NULL,
  attempts INTEGER NOT NULL, next_at INTEGER NOT NULL,
  last_error TEXT, delivered_at INTEGER,
  UNIQUE(alert_id, channel)) STRICT;
CREATE INDEX alert_delivery_pending ON alert_delivery(channel, next_at)
  WHERE state = 'pending';
CREATE TABLE audit(
  id INTEGER PRIMARY KEY AUTOINCREMENT, ts INTEGER NOT NULL,
  tenant_id INTEGER, actor TEXT NOT NULL, event TEXT NOT NULL,
  details TEXT NOT NULL) STRICT;
CREATE TABLE admin_session(
  id BLOB PRIMARY KEY, csrf TEXT NOT NULL,
  created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL)
  STRICT, WITHOUT ROWID;
CREATE TABLE setting(name TEXT PRIMARY KEY, value INTEGER NOT NULL)
  STRICT, WITHOUT ROWID;
CREATE TABLE setting_text(name TEXT PRIMARY KEY, value TEXT NOT NULL)
  STRICT, WITHOUT ROWID;

CREATE VIEW "UsageLedger" AS
  SELECT id,
    strftime('%Y-%m-%dT%H:%M:%S', ts / 1000, 'unixepoch') ||
      printf('.%03dZ', ts % 1000) AS ts,
    tenant, route,
    CASE WHEN usd < 0 THEN '-' ELSE '' END ||
      CASE WHEN usd % 1000000000 = 0 THEN CAST(abs(usd) / 1000000000 AS TEXT)
        ELSE rtrim(printf('%d.%09d', abs(usd) / 1000000000,
                          abs(usd) % 1000000000), '0') END AS usd,
    prompt_tok AS promptTok, comp_tok AS compTok
  FROM ledger WHERE kind IN ('usage', 'correction');

PRAGMA user_version = 4;
