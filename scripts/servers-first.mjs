import Sequencer from '@jest/test-sequencer'

const startsItsOwn = /\/test\/faults\/|\.kafka\.test\.js$/

/** Begins with what starts programs and servers of its own, which takes longest: a first run, which would go by sizes, would wait for the last of it alone. */
export default class ServersFirst extends Sequencer {
  sort(tests) {
    const [first, rest] = [[], []]
    for (const test of super.sort(tests)) (startsItsOwn.test(test.path) ? first : rest).push(test)
    return [...first, ...rest]
  }
}
