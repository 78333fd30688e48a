// tokens.mjs BENCH - counts beside npm's tiktoken (WASM) and gpt-tokenizer, in
// one run, on the same texts; BENCH is the program of tokens.c.
//
// Texts are made from what the tests have installed: English from the packages'
// READMEs, code from TypeScript's compiler, Chinese and Japanese from its
// translated messages, each repeated to 8 MB; mixed takes lines of all three.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { execFileSync } from 'node:child_process';
import { get_encoding } from 'tiktoken';
import { countTokens } from 'gpt-tokenizer/encoding/o200k_base';

const BENCH = path.resolve(process.argv[2]);
const MODULES = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../node_modules');
const SIZE = 8 << 20;
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'bg-bench-tokens-'));

const files = (d, ext) => fs.readdirSync(d, { recursive: true, withFileTypes: true }).filter((f) => f.isFile() && f.name.endsWith(ext)).map((f) => path.join(f.parentPath ?? f.path, f.name)).sort();
const fill = (s) => { let out = s; while (Buffer.byteLength(out) < SIZE) out += s; return out; };
const ts = path.join(MODULES, 'typescript/lib');
const english = files(MODULES, '.md').map((f) => fs.readFileSync(f, 'utf8').replace(/```[\s\S]*?```/g, '').replace(/^[^a-zA-Z\n]*\n/gm, '')).join('\n');
const code = fs.readFileSync(path.join(ts, 'typescript.js'), 'utf8');
const cjk = ['zh-cn', 'zh-tw', 'ja'].map((l) => Object.values(JSON.parse(fs.readFileSync(path.join(ts, l, 'diagnosticMessages.generated.json'), 'utf8'))).join('\n').replace(/[\x21-\x7e]+ ?/g, '')).join('\n');
const [a, b, c] = [english, code, cjk].map((s) => fill(s).split('\n'));
const texts = { English: fill(english), code: fill(code), CJK: fill(cjk), mixed: fill(a.slice(0, 40000).flatMap((l, i) => [l, b[i], c[i] ?? '']).join('\n')) };
const rep = (s) => s.repeat(Math.ceil(1e6 / s.length));
const hostile = { '"a" x 1 MB': rep('a'), '1 MB of spaces': rep(' '), '1 MB of "-"': rep('-'), '1 MB of newlines': rep('\n'), 'lines of 1000 "-"': rep('-'.repeat(1000) + 'a'), 'random letters': rep(Array.from({ length: 50000 }, (_, i) => String.fromCharCode(97 + (i * 7919 * (i % 131) + (i >> 3)) % 26)).join('')), 'random CJK': rep(Array.from({ length: 50000 }, (_, i) => String.fromCharCode(0x4e00 + (i * 7919 + (i % 97) * 131) % 20000)).join('')), 'emoji': rep('👨‍👩‍👧‍👦🏳️‍🌈👍🏽') };
for (const [n, t] of [...Object.entries(texts), ...Object.entries(hostile)]) fs.writeFileSync(path.join(dir, n.replace(/\W/g, '_')), t);

const own = {};
let prompt;
for (const l of execFileSync(BENCH, ['o200k_base', ...Object.keys({ ...texts, ...hostile }).map((n) => n.replace(/\W/g, '_'))], { cwd: dir, encoding: 'utf8' }).trim().split('\n')) {
  const [n, bytes, tokens, ns] = l.split(' ');
  if (n === 'prompt') prompt = Number(ns) / 1000;
  else own[n] = { bytes: Number(bytes), tokens: Number(tokens), mbs: Number(bytes) / Number(ns) * 1000 };
}
const o200k = get_encoding('o200k_base');
const time = (f) => { const t = process.hrtime.bigint(); const n = f(); return [n, Number(process.hrtime.bigint() - t)]; };
// in pieces, as callers would: the packages are no faster on all of it at once
const pieces = (t) => { const out = []; for (let i = 0; i < t.length; i += 65536) out.push(t.slice(i, i + 65536)); return out; };
const sum = (f, ps) => ps.reduce((n, p) => n + f(p), 0);
console.log('## Tokens: o200k_base, one thread, MB/s\n\n| text | BudgetGuard | tiktoken (WASM) | gpt-tokenizer | x WASM | x gpt-tokenizer |\n|---|---|---|---|---|---|');
let prose;
for (const [n, t] of Object.entries(texts)) {
  const bytes = Buffer.byteLength(t), ps = pieces(t), o = own[n];
  sum((p) => countTokens(p), ps.slice(0, 4));
  const [, w] = time(() => sum((p) => o200k.encode_ordinary(p).length, ps));
  const [, g] = time(() => sum((p) => countTokens(p), ps.slice(0, 24)));
  const gb = Buffer.byteLength(ps.slice(0, 24).join(''));
  const wm = bytes / w * 1000, gm = gb / g * 1000;
  prose ??= wm;
  fs.writeFileSync(path.join(dir, 'part'), t.slice(0, 1 << 20));
  const whole = o200k.encode_ordinary(t.slice(0, 1 << 20)).length, mine = Number(execFileSync(BENCH, ['o200k_base', 'part'], { cwd: dir, encoding: 'utf8' }).split(' ')[2]);
  if (whole !== mine) throw new Error(`${n}: ${mine} tokens, tiktoken ${whole}`);
  console.log(`| ${n} | ${o.mbs.toFixed(1)} | ${wm.toFixed(1)} | ${gm.toFixed(1)} | **${(o.mbs / wm).toFixed(1)}** | ${(o.mbs / gm).toFixed(1)} |`);
}
console.log(`\nA 4 KB prompt of English: ${prompt.toFixed(1)} us\n\n| input made against it | MB/s | x WASM on English |\n|---|---|---|`);
for (const n of Object.keys(hostile)) { const o = own[n.replace(/\W/g, '_')]; console.log(`| ${n} | ${o.mbs.toFixed(1)} | ${(o.mbs / prose).toFixed(1)} |`); }
o200k.free();
fs.rmSync(dir, { recursive: true });
