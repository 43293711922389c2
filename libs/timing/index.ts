/** What is done again and again while a program runs. */
export { every, type Repeating } from './every.ts'
