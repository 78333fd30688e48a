// chains.test.mjs - the hold of a request with a fallback chain is at least
// what each of its models would hold if it were asked itself.
import { gtest, assert, nano, waitUntil, PRICES } from './fixture.mjs';
import { everywhere } from './families.mjs';
import { Barrier } from './mock.mjs';

const FIRST = 'gpt-nought'; // costs nothing itself
const weather = { name: 'weather', description: 'The weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } };
const tamil = 'செயற்கை நுண்ணறிவு மனிதர்களுக்கு உதவுகிறது. '.repeat(20);
const ask = (content, more = {}) => ({ messages: [{ role: 'user', content }], max_tokens: 10, ...more });
const CASES = [ // the second model, and a request its bill differs for
  ['tools in Claude\'s own prompt', 'claude-haiku-4-5', ask('Hello', { tools: [{ type: 'function', function: weather }] })],
  ['the same as functions', 'claude-haiku-4-5', ask('Hello', { functions: [weather] })],
  ['an older tokenizer', 'gpt-4', ask(tamil)],
  ['a name whose tokenizer nobody knows', 'llama-dear', ask('Hello there, how are you today? '.repeat(20))],
  ['a model that searches', 'gpt-4o-search-preview', ask('Hello')],
];

/** Nano-dollars held while the first provider thinks about it. */
async function held(gw, mock, t, json) {
  const gate = new Barrier(), seen = mock.seen.length;
  mock.once(async (rec, res) => { await gate.wait(); mock.json(res, 400, { error: { message: 'x' } }); });
  const going = gw.chat(t.key, json);
  const early = await Promise.race([going, waitUntil(() => mock.seen.length === seen + 1, 'it is sent')]);
  assert.equal(early, true, `not sent: ${early.text}`);
  const n = nano((await gw.budgets())[0].heldUsd);
  gate.open();
  await going;
  return n;
}

const prices = { ...PRICES, [FIRST]: { input: 0, output: 0 }, 'llama-dear': { input: 0.03, output: 0.06 } };
for (const [why, second, json] of CASES) gtest(`a chain holds what its second model can cost: ${why}`, (x) => ({ ...everywhere(x), MODEL_PRICING_JSON: JSON.stringify(prices), FALLBACKS: JSON.stringify({ [FIRST]: [second] }) }), async ({ gw, mock }) => {
  const t = await gw.tenant('acme', { budgets: [{ period: 'total', amountUsd: '100' }] });
  const itself = await held(gw, mock, t, { ...json, model: second });
  const chain = await held(gw, mock, t, { ...json, model: FIRST });
  assert.ok(itself > 0n);
  assert.ok(chain >= itself, `${second} alone holds ${itself}, behind ${FIRST} ${chain}`);
});
