import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { root } from '../house/root.ts'

/**
 * requirements.tsv has a line for each MUST and SHOULD of RFC 7642, 7643, 7644 and 9865: its id (`RFC7643-2.1-L366` is line 366 of the
 * RFC's text, in section 2.1; those of RFC 9865 end in words), its level, what it asks, and then the tests that prove it, each as
 * `file > name`, or `does not apply: ` and why. A line `EXTRA-...` is of no MUST or SHOULD by itself: it is drawn from a section that says
 * how something works, and names it.
 */
const table = readFileSync(join(root, 'test/conformance/requirements.tsv'), 'utf8')
const rows = table
  .trimEnd()
  .split('\n')
  .map((line) => line.split('\t'))
  .map(([id = '', level = '', asks = '', ...proofs]) => ({ id, level, asks, proofs }))

const doesNotApply = /^does not apply: .{20,}$/
const named = /^(?<file>\S+\.test\.ts) > (?<name>.+)$/

test('every requirement is there once, with its level and what it asks', () => {
  expect(rows).toHaveLength(178)
  expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length)
  for (const row of rows) {
    expect(row).toMatchObject({
      id: expect.stringMatching(/^(RFC764[234]-\d+(\.\d+)*-L\d+|RFC9865-\d+(\.\d+)*(-[A-Z]+)+|EXTRA(-[A-Z]+)+)$/),
      level: expect.stringMatching(/^(Must|Shall|Should)(Not)?$/),
      asks: expect.stringMatching(row.id.startsWith('EXTRA') ? /\(drawn from RFC 7643 section [\d.]+\)$/ : /\S/),
    })
  }
})

test('every requirement has tests that prove it, or says why it does not apply', () => {
  const unproved = rows.filter(
    ({ proofs }) => proofs.length === 0 || !proofs.every((proof) => named.test(proof) || doesNotApply.test(proof)),
  )
  expect(unproved.map(({ id }) => id)).toEqual([])
})

test('every test that is named exists in its file, runs, and is not skipped', () => {
  const missing = rows.flatMap(({ id, proofs }) =>
    proofs.flatMap((proof) => {
      const { file, name } = named.exec(proof)?.groups ?? {}
      if (file === undefined || name === undefined) return []
      return testsOf(file).has(name) ? [] : [`${id}: ${proof}`]
    }),
  )
  expect(missing).toEqual([])
})

const read = new Map<string, ReadonlySet<string>>()

function testsOf(file: string): ReadonlySet<string> {
  const known = read.get(file) ?? runningTests(readFileSync(join(root, file), 'utf8'))
  read.set(file, known)
  return known
}

test('a test counts only where it runs', () => {
  const source = `
    test('plain', () => {})
    it('it', () => {})
    test.each([1])('each %s', () => {})
    describe('outer', () => { describe.each([1])('inner', () => { test('nested', () => {}) }) })
    test.skip('skipped', () => {})
    test.todo('to do')
    test.failing('failing', () => {})
    xtest('crossed out', () => {})
    test.skip.each([1])('skipped each', () => {})
    describe.skip('left out', () => { test('within what is left out', () => {}) })
    xdescribe('crossed out', () => { test('within what is crossed out', () => {}) })
    // test('in a comment', () => {})
    const text = "test('in a text', () => {})"
    if (false) test('on a condition', () => {})
  `
  expect([...runningTests(source)]).toEqual(['plain', 'it', 'each %s', 'nested'])
})

/** The names of the tests of a file that run whenever the file does. */
function runningTests(source: string): ReadonlySet<string> {
  const names = new Set<string>()
  const visit = (statements: readonly ts.Statement[]): void => {
    for (const statement of statements) {
      if (!ts.isExpressionStatement(statement) || !ts.isCallExpression(statement.expression)) continue
      const {
        expression,
        arguments: [first, body],
      } = statement.expression
      if (first === undefined || !ts.isStringLiteralLike(first)) continue
      const called = withoutEach(expression)
      if (called === 'test' || called === 'it') names.add(first.text)
      if (called === 'describe' && body !== undefined && ts.isFunctionLike(body) && 'body' in body) {
        if (body.body !== undefined && ts.isBlock(body.body)) visit(body.body.statements)
      }
    }
  }
  visit(ts.createSourceFile('source.ts', source, ts.ScriptTarget.Latest).statements)
  return names
}

/** `test` of test(...) and of test.each(...)(...); undefined for test.skip and all else. */
function withoutEach(called: ts.Expression): string | undefined {
  if (ts.isIdentifier(called)) return called.text
  if (!ts.isCallExpression(called)) return undefined
  const { expression } = called
  const each = ts.isPropertyAccessExpression(expression) && expression.name.text === 'each'
  return each && ts.isIdentifier(expression.expression) ? expression.expression.text : undefined
}
