import { InvalidArgumentError, Option } from 'commander'

/** Of a list that may be long. */
export function limitOption(): Option {
  return new Option('--limit <number>', 'how many at the most').argParser(wholeNumber)
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,2}$/.test(text) || Number(text) > 200) throw new InvalidArgumentError('Give a number from 1 to 200.')
  return Number(text)
}
