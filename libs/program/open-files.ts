import { type Stats, statSync } from 'node:fs'
import { allowedMode } from '#libs/secret-files/index'

/** Files with a secret that are taken though others may read them: whoever issues certificates and tokens writes them so. */
const named = ['LATCHKEY_TLS_KEY', 'LATCHKEY_VAULT_TOKEN_FILE', 'KAFKA_TLS_KEY'] as const

export type NamedSecretFiles = { readonly [Variable in (typeof named)[number]]?: string | undefined }

/** A warning of each that others may read, with the fix. One that is not there, or in a folder that is closed to us, is told by who reads it. */
export function openFiles(configuration: NamedSecretFiles): string[] {
  return named.flatMap((variable) => {
    const path = configuration[variable]
    const found = path === undefined ? undefined : statOf(path)
    if (found === undefined) return []
    const allowed = allowedMode(found.uid, process.geteuid?.())
    if ((found.mode & 0o077 & ~allowed) === 0) return []
    return [
      `The file ${path} of ${variable} can be read by others, who then have the secret in it. Allow it to nobody else: where it is mounted by its mount (docs/secrets.md), otherwise chmod ${allowed.toString(8)} ${path}`,
    ]
  })
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path)
  } catch {
    return undefined
  }
}
