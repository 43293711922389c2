import Sequencer from '@jest/test-sequencer'

const startsServersOfItsOwn = /\/test\/faults\/|\.kafka\.test\.js$/

/** What starts programs and servers of its own takes longest: begun last, as a first run would by sizes, it is waited for alone. */
export default class LongestFirst extends Sequencer {
  sort(tests) {
    const [first, rest] = [[], []]
    for (const test of super.sort(tests)) (startsServersOfItsOwn.test(test.path) ? first : rest).push(test)
    return [...first, ...rest]
  }
}
