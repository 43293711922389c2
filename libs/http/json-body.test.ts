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

test.each(['{"__proto__":{"a":1}}', '[{"a":{"constructor":{"prototype":{"a":1}}}}]'])(
  'a key by which objects could be changed is refused, however deep: %s',
  (text) => expect(() => read(text)).toThrow('__proto__ or constructor'),
)
