/** What is done again and again while a program runs, and what is waited for no longer than so long. */
export { endsWithin } from './ends-within.ts'
export { every, type Repeating } from './every.ts'
