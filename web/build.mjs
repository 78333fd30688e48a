// build.mjs - bundles web/src into <dir>/dist and lists it in <dir>/web_table.h.
//
//   node web/build.mjs build/web
//
// Names carry a hash of their content; the page itself and the favicon do not.
// `name`.gz is the compressed form, empty if that would be larger.
import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const here = path.dirname(fileURLToPath(import.meta.url));
const dir = path.resolve(process.argv[2] ?? 'build/web');
const dist = path.join(dir, 'dist');
const esbuild = createRequire(path.join(dir, 'package.json'))('esbuild');

fs.rmSync(dist, { recursive: true, force: true });
const { metafile } = await esbuild.build({
  absWorkingDir: here,
  entryPoints: { app: 'src/main.js', style: 'src/app.css' },
  outdir: dist,
  bundle: true,
  minify: true,
  splitting: true,
  format: 'esm',
  target: 'es2022',
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  nodePaths: [path.join(dir, 'node_modules')],
  conditions: ['production'],
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
});
const made = Object.entries(metafile.outputs).map(([file, o]) => ({ name: path.basename(file), entry: o.entryPoint }));
const named = (entry) => made.find((o) => o.entry === entry).name;
/* What the start needs is named on the page, so that all of it comes at once. */
function needs(file, seen = new Set()) {
  for (const i of metafile.outputs[file].imports)
    if (i.kind === 'import-statement' && !seen.has(i.path)) { seen.add(i.path); needs(i.path, seen); }
  return seen;
}
const start = Object.keys(metafile.outputs).find((f) => metafile.outputs[f].entryPoint === 'src/main.js');
const preload = [...needs(start)].map((f) => `<link rel="modulepreload" href="/dashboard/assets/${path.basename(f)}">`).join('\n');
const page = fs.readFileSync(path.join(here, 'src/index.html'), 'utf8')
  .replace('%APP%', named('src/main.js')).replace('%STYLE%', named('src/app.css')).replace('%PRELOAD%', preload);
fs.writeFileSync(path.join(dist, 'index.html'), page.replace(/>\s+</g, '><'));
fs.copyFileSync(path.join(here, 'src/logo.svg'), path.join(dist, 'logo.svg'));

const TYPES = { '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.html': 'text/html; charset=utf-8', '.svg': 'image/svg+xml' };
const lines = fs.readdirSync(dist).sort().map((name, n) => {
  const body = fs.readFileSync(path.join(dist, name)), gz = gzipSync(body, { level: 9 });
  fs.writeFileSync(path.join(dist, `${name}.gz`), gz.length < body.length ? gz : '');
  const etag = createHash('sha256').update(body).digest('hex').slice(0, 16);
  const type = TYPES[path.extname(name)];
  if (!type) throw new Error(`${name}: no media type`);
  return `    X(${n}, "${name}", "${type}", "\\"${etag}\\"", ${made.some((o) => o.name === name)})`;
});
fs.writeFileSync(path.join(dir, 'web_table.h'), `/* Made by web/build.mjs. */\n#define WEB_TABLE(X) \\\n${lines.join(' \\\n')}\n`);
