import { Failure } from './failure.ts'
import { type KeyFile, newKeyFile } from './key-file.ts'

/** What the answer to minting, rotating or revealing holds, and no later one does. */
interface Once {
  readonly key?: string | undefined
  readonly signingSecret?: string | undefined
}

interface Asked<Answer extends Once> {
  /** Mints, rotates or reveals. */
  readonly ask: () => Promise<Answer>
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

/**
 * Saves and prints what is shown once: the text of a key, and the signing secret of one that has it.
 * @throws Failure with the fix, where the answer that held either was lost
 */
export async function showOnce<Answer extends Once>(asked: Asked<Answer>): Promise<void> {
  const { ask, save, privateKey, hasSecret, lost, print } = asked
  const file = save === undefined ? undefined : await newKeyFile(save)
  const answer = await ask().catch(async (error: unknown) => {
    await file?.discard()
    throw error
  })
  const { key, signingSecret } = answer
  if (key === undefined) throw lostAnswer(lost(answer), 'it')
  if (signingSecret === undefined && (await hasSecret(answer))) throw lostAnswer(lost(answer), 'its signing secret')
  const content = contentOf(key, signingSecret, privateKey)
  if (content === undefined) await file?.discard()
  else await file?.write(content)
  print(answer, { key, ...(signingSecret === undefined ? {} : { 'signing secret': signingSecret }) })
  if (save === undefined || content !== undefined) return
  throw new Failure(
    'failed',
    `Key ${lost(answer).kid} was not saved: a file keeps a key with what it signs with, and this one has no signing secret. Keep what was printed, and for ed25519 the private key of the key before.`,
  )
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
