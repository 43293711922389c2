import { X509Certificate, createPrivateKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import { systemCode } from '#libs/process/index'
import { every } from '#libs/timing/index'

/** PEM files: the certificate with those that lead to its authority, and its private key without a passphrase. */
export interface CertificateFiles {
  readonly certificate: string
  readonly key: string
}

export interface CertificatePair {
  readonly cert: string
  readonly key: string
}

/** The files cannot serve. The message tells cause and fix. */
export class CertificateUnusable extends Error {
  override readonly name = 'CertificateUnusable'
}

/** @throws CertificateUnusable */
export function readCertificate(files: CertificateFiles): CertificatePair {
  try {
    return checked(files, readFileSync(files.certificate, 'utf8'), readFileSync(files.key, 'utf8'))
  } catch (error) {
    throw unusable(files, error)
  }
}

export interface CertificateWatch {
  /** Given each pair that is to be used from then on. */
  readonly changed: (pair: CertificatePair) => void
  /** Told once of each state of the files that cannot serve; what was used before goes on. */
  readonly failed: (error: CertificateUnusable) => void
  /** Told once, with the fix, that clients do not trust the certificate in use yet, that they soon will not any more, and that they do not. */
  readonly outOfTime: (warning: string) => void
  readonly clock: () => Date
  readonly every?: number
}

export interface WatchedCertificate {
  /** When that in use expires. */
  expiresAt(): Date
  end(): void
}

/**
 * Reads the files again and again. Two files are not replaced in one moment: they count once two readings have found the same. The time is
 * looked at as often, for a renewal that failed changes no file.
 */
export function watchCertificate(
  files: CertificateFiles,
  { cert, key }: CertificatePair,
  { changed, failed, outOfTime, clock, every: milliseconds = 1_000 }: CertificateWatch,
): WatchedCertificate {
  let settled = cert + key
  let seen = settled
  let used = new X509Certificate(cert)
  let told: string | undefined
  const lookAtTime = (): void => {
    const warning = warningAbout(files, used, clock())
    if (warning !== undefined && warning !== told) outOfTime(warning)
    told = warning
  }
  const look = async (): Promise<void> => {
    lookAtTime()
    const found = await Promise.all([readFile(files.certificate, 'utf8'), readFile(files.key, 'utf8')]).catch(
      (error: unknown) => unusable(files, error),
    )
    const state = found instanceof CertificateUnusable ? found.message : found.join('')
    const isSame = state === seen
    seen = state
    if (!isSame || state === settled) return
    settled = state
    if (found instanceof CertificateUnusable) return failed(found)
    try {
      const pair = checked(files, found[0], found[1])
      changed(pair)
      used = new X509Certificate(pair.cert)
    } catch (error) {
      failed(unusable(files, error))
    }
  }
  const looking = every(milliseconds, look, (error) => failed(unusable(files, error)), { atOnce: true })
  return { expiresAt: () => used.validToDate, end: () => void looking.end() }
}

const longestWarning = 14 * 86_400_000
/** Whoever renews by itself does so while a third of the life is left: with a fifth, it has failed. */
const warnedShare = 1 / 5

function warningAbout(
  { certificate }: CertificateFiles,
  { validFromDate: from, validToDate: to }: X509Certificate,
  now: Date,
): string | undefined {
  const warned = Math.min(longestWarning, (to.getTime() - from.getTime()) * warnedShare)
  const tell = (when: string, then: string): string =>
    `The certificate in ${certificate} ${when}: clients that check it ${then}. Put one there that is valid, with its key; it is read again without a restart.`
  if (now < from) return tell(`is not valid before ${from.toISOString()}`, 'do not connect')
  if (now > to) return tell(`expired on ${to.toISOString()}`, 'do not connect')
  if (now.getTime() >= to.getTime() - warned) return tell(`expires on ${to.toISOString()}`, 'do not connect after that')
  return undefined
}

function checked(files: CertificateFiles, cert: string, key: string): CertificatePair {
  const leaf = new X509Certificate(cert)
  if (!leaf.checkPrivateKey(createPrivateKey(key))) {
    throw new CertificateUnusable(
      `The key in ${files.key} is not that of the certificate in ${files.certificate}.${fix}`,
    )
  }
  createSecureContext({ cert, key, minVersion: leastVersion })
  return { cert, key }
}

export const leastVersion = 'TLSv1.2'

const fix =
  ' Name the certificate (PEM, those of its authorities after it) in LATCHKEY_TLS_CERT, and its private key (PEM, without a passphrase) in LATCHKEY_TLS_KEY.'

function unusable(files: CertificateFiles, error: unknown): CertificateUnusable {
  if (error instanceof CertificateUnusable) return error
  const code = systemCode(error) ?? 'unknown reason'
  const named = [files.certificate, files.key].find((path) => String(error).includes(path))
  const what = named === undefined ? `The files ${files.certificate} and ${files.key} are` : `The file ${named} is`
  return new CertificateUnusable(`${what} no certificate and key that could be used (${code}).${fix}`)
}
