import { readJson } from './json-body.ts'

const read = (text: string): unknown => readJson(Buffer.from(text))

test('a body is the value that JSON.parse reads in it, numbers of every form too', () => {
  for (const text of [
    '{"a":[1,-0,1.50,1e2,12345678901234567890,true,null,{}],"b":{"c":"\\ud83d\\ude00"}}',
    '"x"',
    '7',
    '[]',
  ]) {
    expect(read(text)).toEqual(JSON.parse(text))
  }
})

test.each([
  ['{"__proto__":{"a":1}}', '#/__proto__'],
  ['{"__proto__":1,"name":"x"}', '#/__proto__'],
  ['[{"a":{"constructor":{"prototype":{"a":1}}}}]', '#/0/a/constructor'],
  ['null', '#'],
])('a key by which objects could be changed, and null in place of a body, are refused and named: %s', (text, pointer) =>
  expect(() => read(text)).toThrow(
    expect.objectContaining({ code: 'invalid', errors: [expect.objectContaining({ pointer })] }),
  ),
)
