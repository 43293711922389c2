import { codeOf, Failure } from './failure.ts'
import { type KeyFile, newKeyFile, type NewKeyFile } from './key-file.ts'

/** What the answer to minting, rotating or revealing holds, and no later one does. */
interface Once {
  readonly key?: string | undefined
  readonly signingSecret?: string | undefined
}

interface Asked<Answer extends Once> {
  /** Mints, rotates or reveals. */
  readonly ask: () => Promise<Answer>
  /** Whether what is shown once is kept, to be revealed to somebody who may see it. Never unless told. */
  readonly isWithheld?: (answer: Answer) => boolean
  /** Path of the new file that keeps the key with what it signs with. It is made before anything is asked. */
  readonly save: string | undefined
  /** What the key signs with, where the pair was made here. */
  readonly privateKey?: string | undefined
  /** Whether the key has a signing secret. Asked where the answer has the key and no such secret. */
  readonly hasSecret: (answer: Answer) => boolean | Promise<boolean>
  /** What was done, and how another key is come by. */
  readonly lost: (answer: Answer) => { readonly kid: string; readonly done: string; readonly fix: string }
  readonly print: (answer: Answer, secrets: Record<string, string>) => void
}

type Held<Answer extends Once> = Answer & { readonly key: string }

/**
 * Saves and prints what is shown once: the text of a key, and the signing secret of one that has it. What cannot be saved is printed all the
 * same. A file that does not hold it is gone at the end. Where it is withheld, the answer is printed without it.
 * @throws Failure with the fix, where the answer that held either was lost, or it could not be saved
 */
export async function showOnce<Answer extends Once>(asked: Asked<Answer>): Promise<void> {
  const { save, print, ask, isWithheld } = asked
  const file = save === undefined ? undefined : newKeyFile(save)
  const discard = (error: unknown): never => {
    if (file !== undefined) discarded(file)
    throw error
  }
  const given = await ask().catch(discard)
  if (isWithheld?.(given) === true) {
    if (file !== undefined) discarded(file)
    return print(given, {})
  }
  const answer = await held(given, asked).catch(discard)
  const { key, signingSecret } = answer
  const unsaved = file === undefined ? undefined : fill(file, answer, asked)
  print(answer, { key, ...(signingSecret === undefined ? {} : { 'signing secret': signingSecret }) })
  if (unsaved !== undefined) throw unsaved
}

/** The answer, with all that was to be in it. */
async function held<Answer extends Once>(answer: Answer, { hasSecret, lost }: Asked<Answer>): Promise<Held<Answer>> {
  const { key, signingSecret } = answer
  if (key === undefined) throw lostAnswer(lost(answer), 'it')
  if (signingSecret === undefined && (await hasSecret(answer))) throw lostAnswer(lost(answer), 'its signing secret')
  return { ...answer, key }
}

/** Why the file could not be written, and is gone; undefined where it was. */
function fill<Answer extends Once>(
  file: NewKeyFile,
  answer: Held<Answer>,
  { privateKey, lost }: Asked<Answer>,
): Failure | undefined {
  const { kid, done, fix } = lost(answer)
  const content = contentOf(answer.key, answer.signingSecret, privateKey)
  try {
    if (content !== undefined) {
      file.write(content)
      return undefined
    }
  } catch (error) {
    const cause = `Key ${kid} was ${done}, but could not be saved (${codeOf(error) ?? String(error)}).${discarded(file)}`
    if (privateKey === undefined) return new Failure('failed', `${cause} Keep what was printed: it is shown only once.`)
    return new Failure('failed', `${cause} The private key that it goes with is lost. ${fix}`)
  }
  return new Failure(
    'failed',
    `Key ${kid} was not saved: a file keeps a key with what it signs with, and this one has no signing secret.${discarded(file)} Keep what was printed, and for ed25519 the private key of the key before.`,
  )
}

/** Takes the file away; what to say where it stays. */
function discarded(file: NewKeyFile): string {
  try {
    file.discard()
    return ''
  } catch (error) {
    return ` Its file is still there (${codeOf(error) ?? String(error)}): remove it.`
  }
}

function lostAnswer({ kid, done, fix }: { kid: string; done: string; fix: string }, what: string): Failure {
  return new Failure(
    'failed',
    `Key ${kid} was ${done}, but the answer that held ${what} was lost, and it is shown only once. ${fix}`,
  )
}

function contentOf(key: string, secret: string | undefined, privateKey: string | undefined): KeyFile | undefined {
  if (secret !== undefined) return { key, algorithm: 'hmac-sha256', secret }
  return privateKey === undefined ? undefined : { key, algorithm: 'ed25519', privateKey }
}
