// tokens.test.mjs - `budgetguard tokens` against npm's tiktoken (WASM), id by id.
import test from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { spawn } from 'node:child_process';
import { get_encoding } from 'tiktoken';

const BIN = path.resolve(process.env.BG_BIN ?? 'build/budgetguard');
const SHARED = process.env.BG_SHARED ?? path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '../../../shared');
const ENCODINGS = ['o200k_base', 'cl100k_base', 'p50k_base', 'r50k_base'];

/** stdout of the command. */
function tokens(args, input, code = 0) {
  return new Promise((resolve, reject) => {
    const p = spawn(BIN, ['tokens', ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
    const out = [], err = [];
    p.stdout.on('data', (b) => out.push(b));
    p.stderr.on('data', (b) => err.push(b));
    p.stdin.on('error', () => {});
    p.on('exit', () => {});
    p.on('close', (c) => (c === code ? resolve(code === 0 ? Buffer.concat(out).toString() : Buffer.concat(err).toString()) : reject(new Error(`exit ${c}: ${Buffer.concat(err)}`))));
    p.stdin.end(input);
  });
}
/** Every text's ids, as the command and as tiktoken say, must be the same. */
async function same(encoding, texts) {
  const lines = texts.map((t) => JSON.stringify(t)).join('\n') + '\n';
  const [ids, counts] = await Promise.all([tokens(['--encoding', encoding, '--ids', '--jsonl'], lines), tokens(['--encoding', encoding, '--jsonl'], lines)]);
  const got = ids.split('\n'), n = counts.split('\n');
  assert.equal(got.length, texts.length + 1);
  assert.equal(n.length, texts.length + 1);
  const ref = get_encoding(encoding);
  try {
    for (let i = 0; i < texts.length; i++) {
      const want = ref.encode_ordinary(texts[i]);
      if (got[i] !== want.join(' ') || Number(n[i]) !== want.length) assert.fail(`${encoding} ${JSON.stringify(texts[i])}: ${n[i]} tokens ${got[i]}, tiktoken ${want.join(' ')}`);
    }
  } finally { ref.free(); }
  return texts.length;
}

// A small generator with a fixed seed: the same texts in every run.
function random(seed) {
  let a = seed >>> 0;
  const next = () => { a = (a + 0x6d2b79f5) >>> 0; let t = a; t = Math.imul(t ^ (t >>> 15), t | 1); t ^= t + Math.imul(t ^ (t >>> 7), t | 61); return (t ^ (t >>> 14)) >>> 0; };
  const int = (n) => next() % n;
  return { int, pick: (l) => l[int(l.length)], times: (n, f) => Array.from({ length: n }, f) };
}
const scalar = (cp) => (cp >= 0xd800 && cp < 0xe000 ? '\ufffd' : String.fromCodePoint(cp));
const WORDS = 'the quick brown fox JUMPS over lazy dogs Überraschung naïve café İstanbul STRASSE straße Ñandú ΑΒΓ αβγ привет МИР 你好世界 日本語のテキスト 한국어 العربية हिन्दी ไทย ABCdef defABC XMLHttpRequest snake_case camelCase 3.14159 1234567 0xDEADBEEF'.split(' ');
const CONTRACTIONS = ["'s", "'S", "'t", "'RE", "'ve", "'Ll", "'d", "'m", "'ſ", "'x", "’s", "'"];
const SPACES = [' ', '  ', '\t', '\n', '\r\n', '\r', '\n\n', ' \n ', '\u00a0', '\u3000', '\u0085', '\u2028', '\ufeff', '\v', '\f', '    ', '\n    '];
const EMOJI = ['😀', '👨‍👩‍👧‍👦', '🏳️‍🌈', '🇩🇪', '👍🏽', '❤️', '☎', '🤷🏿‍♀️', '\u200d', '\ufe0f', '\u0301', 'e\u0301'];
const CODE = ['if (a && b) {', 'return x;', '// comment', '/* c */', '#include <stdio.h>', 'const f = (x) => x ** 2;', 'SELECT * FROM t WHERE a = \'b\';', '</div>', '"key": "value",', '----------', '==========', '!!!???', '...', '<|endoftext|>', '<|im_start|>', 'https://a.example/b?c=d&e=%20', '\\n\\t', '$${x}', '@@', '/'];
function texts(seed, count) {
  const r = random(seed);
  const kinds = [
    () => r.times(1 + r.int(12), () => r.pick(WORDS)).join(r.pick(SPACES)),
    () => r.times(1 + r.int(10), () => r.pick(WORDS) + r.pick(CONTRACTIONS) + (r.int(2) ? r.pick(SPACES) : '')).join(''),
    () => r.times(1 + r.int(14), () => r.pick(SPACES)).join('') + r.pick([...WORDS, '']),
    () => r.times(1 + r.int(8), () => r.pick(EMOJI) + (r.int(3) ? '' : r.pick(WORDS))).join(''),
    () => r.times(1 + r.int(8), () => r.pick(CODE)).join(r.pick([...SPACES, ''])),
    () => { const base = r.int(0x110000 >> 7) << 7; return r.times(1 + r.int(24), () => scalar(Math.min(base + r.int(128), 0x10ffff))).join(''); },
    () => r.times(1 + r.int(24), () => scalar(r.int(r.pick([0x80, 0x500, 0x3000, 0x10000, 0x110000])))).join(''),
    () => Buffer.from(r.times(1 + r.int(60), () => r.int(256))).toString('utf8'),
    () => r.times(1 + r.int(40), () => String.fromCharCode(32 + r.int(95))).join(''),
    () => r.pick(['a', '-', '=', ' ', '.', 'ab', '\n', '0', '🙂', '啊', '_']).repeat(1 + r.int(300)) + r.pick(['', 'x', ' ', '\n']),
    () => r.times(1 + r.int(80), () => r.pick(['A', 'a', 'Ǆ', 'ǅ', 'ʰ', 'ª', 'あ', '\u0301', '1', '٣', 'Ⅷ', '²', "'s", '_', ' '])).join(''),
  ];
  return r.times(count, () => r.pick(kinds)());
}

for (const e of ENCODINGS) {
  test(`tokens: ${e} agrees with tiktoken on 20,000 generated texts, ids and counts`, { timeout: 600000 }, async () => {
    assert.equal(await same(e, texts(ENCODINGS.indexOf(e) + 1, 20000)), 20000);
  });
  test(`tokens: ${e} agrees on every single scalar value`, { timeout: 600000 }, async () => {
    // each between two letters and alone at the ends of words: 64 to a text
    const all = [];
    for (let cp = 0; cp < 0x110000; cp += 16) {
      if (cp >= 0xd800 && cp < 0xe000) continue;
      all.push(Array.from({ length: 16 }, (_, i) => scalar(cp + i)).map((c) => `a${c} ${c}\n`).join(''));
    }
    await same(e, all);
  });
}

test('tokens: long pieces of one, two or random characters agree', { timeout: 600000 }, async () => {
  const r = random(7);
  const long = ['a', '-', ' ', '\n', 'ab', 'A', '=-', '啊', '🙂', '0', '\t ', 'the'].flatMap((c) => [700, 2047, 2048, 2049, 5000].map((n) => c.repeat(Math.ceil(n / c.length))));
  for (const alphabet of ['ab', 'abcdefghijklmnopqrstuvwxyz', '-=_*#~', ' \t', '的一是不了人我在有他这中大来上国']) for (let i = 0; i < 8; i++) long.push(r.times(3000 + r.int(6000), () => r.pick([...alphabet])).join(''));
  for (const e of ENCODINGS) await same(e, long.filter((t) => t.length < 3000 || e === 'o200k_base' || e === 'cl100k_base'));
});

test('tokens: the cases of ../shared/tokens/cases.jsonl', async (t) => {
  const file = path.join(SHARED, 'tokens/cases.jsonl');
  if (!fs.existsSync(file)) return t.skip(`${file} is not there`);
  const cases = fs.readFileSync(file, 'utf8').trim().split('\n').map((l) => JSON.parse(l));
  for (const e of ENCODINGS) {
    const own = cases.filter((c) => c.encoding === e);
    if (own.length === 0) continue;
    const lines = own.map((c) => JSON.stringify(c.text)).join('\n') + '\n';
    const ids = (await tokens(['--encoding', e, '--ids', '--jsonl'], lines)).split('\n');
    const counts = (await tokens(['--encoding', e, '--jsonl'], lines)).split('\n');
    own.forEach((c, i) => {
      assert.equal(Number(counts[i]), c.count, JSON.stringify(c.text));
      if (c.ids) assert.equal(ids[i], c.ids.join(' '), JSON.stringify(c.text));
    });
  }
  assert.ok(cases.length >= 2000);
});

test('tokens: the command counts files and input, by model, and says what is wrong', async () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'bg-tokens-'));
  const a = path.join(dir, 'a.txt'), b = path.join(dir, 'b.txt');
  fs.writeFileSync(a, 'Hello, world');
  fs.writeFileSync(b, Buffer.from([0x61, 0xff, 0xe2, 0x82, 0x62]));
  assert.equal(await tokens([], 'Hello, world'), '3\n');
  assert.equal(await tokens(['-'], ''), '0\n');
  assert.equal(await tokens([a]), '3\n');
  assert.equal(await tokens([a, a]), `3\t${a}\n3\t${a}\n6\ttotal\n`);
  const lossy = await tokens(['--jsonl'], `${JSON.stringify('a\ufffd\ufffdb')}\n`);
  assert.equal(await tokens([b]), lossy);
  const cl = get_encoding('cl100k_base'), text = 'naïve 日本語 indivisibilities';
  for (const model of ['gpt-4', 'gpt-4-0613', 'ft:gpt-3.5-turbo:org::id', 'openai/text-embedding-3-small']) assert.equal(await tokens(['--model', model, '--ids'], text), `${cl.encode_ordinary(text).join(' ')}\n`);
  cl.free();
  const o = get_encoding('o200k_base');
  for (const model of ['gpt-4o-2024-08-06', 'gpt-5-mini', 'o3', 'gpt-6', 'ft:gpt-4o:x', 'unheard-of']) assert.equal(await tokens(['--model', model, '--ids'], text), `${o.encode_ordinary(text).join(' ')}\n`);
  o.free();
  assert.match(await tokens(['--encoding', 'nope'], '', 2), /usage:/);
  assert.match(await tokens(['--what'], '', 2), /usage:/);
  assert.match(await tokens([path.join(dir, 'none')], '', 1), /No such file/);
  assert.match(await tokens(['--jsonl'], 'not json\n', 1), /budgetguard: -: /);
  fs.rmSync(dir, { recursive: true });
});
