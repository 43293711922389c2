import type { RequestDecided } from '#libs/events/index'
import { addressedConnection } from './addressed-connection.ts'
import type { Rule } from './rule.ts'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour

/** With these a key was proved that belongs elsewhere. */
export const misplaced = ['key-of-another-connection', 'key-of-another-environment'] as const

/** Every rule there is, under its stable code, with the thresholds that count unless LATCHKEY_DETECTIONS says otherwise. */
export const rules = {
  'key-guessing': {
    kind: 'burst',
    of: 'connection',
    severity: 'high',
    codes: ['key-bad-checksum', 'key-unknown', 'too-many-bad-keys'],
    count: 20,
    window: 5 * minute,
    when: '`count` requests within `window` present keys with a wrong checksum or an id that was never minted, or are too many of their network to be looked into; those that left no record count too',
    cause: 'Somebody tries keys that do not exist, or an identity provider keeps sending one that was pasted wrongly.',
    fix: 'Find the sender by the requests. If it is your identity provider, paste its key again, whole. If not, have your network refuse its address.',
  },
  'wrong-secret': {
    kind: 'burst',
    of: 'connection',
    severity: 'high',
    codes: ['key-wrong-secret'],
    count: 5,
    window: 10 * minute,
    when: '`count` requests within `window` present the id of a key with another secret',
    cause: 'Somebody knows the id of a key and tries secrets, or a key was copied with a part of another one.',
    fix: 'Find the sender by the requests. If it is your identity provider, paste the key again as it was shown, or mint another. If not, have your network refuse its address. None of these requests had the secret of a key, so none is to be replaced for them; which id they named is not recorded, as nothing proves it.',
  },
  'ended-key-used': {
    kind: 'burst',
    of: 'key',
    severity: 'high',
    codes: ['key-revoked', 'key-expired', 'key-cancelled'],
    count: 1,
    window: hour,
    when: '`count` requests within `window` present a key that was revoked or cancelled, or has expired',
    cause:
      'The identity provider, or somebody who got hold of the key, still sends a key that is not accepted any more.',
    fix: 'Compare the address of the requests with that of your identity provider. If it is the same, paste the present key there: until then nothing is provisioned. If not, the key had leaked: look through what was done with it before.',
  },
  'retiring-key-used': {
    kind: 'retiring',
    severity: 'medium',
    count: 1,
    window: hour,
    when: '`count` requests present a key longer than `window` after another took its place',
    cause: 'The identity provider still sends the old key somewhere although the new one is in use.',
    fix: 'Look for a second place where the old key is set, such as another application of the identity provider, and paste the new one there before the old one expires.',
  },
  'replayed-nonce': {
    kind: 'burst',
    of: 'key',
    severity: 'high',
    codes: ['signature-replayed'],
    count: 1,
    window: 10 * minute,
    when: '`count` signed requests within `window` have a nonce that was used before',
    cause:
      'A signed request was sent a second time: by somebody who recorded it, or by a client that repeats requests without signing them anew.',
    fix: 'Have the client sign each attempt with a nonce of its own. If it does, somebody reads its traffic: find where TLS ends on the way.',
  },
  'connection-mismatch': {
    kind: 'burst',
    of: 'key',
    severity: 'high',
    codes: misplaced,
    count: 1,
    window: hour,
    when: '`count` requests within `window` present a key of another connection, environment or tenant than they address',
    cause:
      'A key was pasted beside the SCIM base URL of another connection, its lk_live_ or lk_test_ was changed into the other, or somebody tries a key where it does not belong.',
    fix: 'In the identity provider, set the SCIM base URL that was shown with the key, or the key of the connection that the URL names, just as it was shown.',
  },
  'foreign-key': {
    kind: 'burst',
    of: 'addressed connection',
    severity: 'medium',
    codes: misplaced,
    breaks: (decision, { placeOf }) => {
      const owner = placeOf(addressedConnection(decision))?.tenant
      return owner !== undefined && owner !== decision.tenant
    },
    count: 1,
    window: hour,
    when: '`count` requests within `window` present a key of another tenant at a connection; told to the owner of the connection, and nothing of whose key it is',
    cause:
      'The SCIM base URL of this connection was pasted beside a key of another tenant, or somebody who has such a key tries it here.',
    fix: 'Nothing was let in. Should your identity provider fail to provision, paste its key again. The records of these requests belong to the owner of the key: whoever runs this service finds by their ids who sent them.',
  },
  'new-network': {
    kind: 'new network',
    severity: 'low',
    count: 1,
    window: 90 * day,
    when: 'a key is used from a network (/24, or /48 of IPv6) that it was not used from within `window`, and is known from `count` others; never for its very first',
    cause: 'The identity provider sends from another address than before, or somebody else has the key.',
    fix: 'Compare the address of the requests with those that your identity provider publishes. If it is none of them, rotate the key and revoke this one. If addresses change often, raise count, or mute this for the key.',
  },
  'several-networks': {
    kind: 'several networks',
    severity: 'medium',
    count: 2,
    window: 10 * minute,
    when: 'a key is used from `count` networks (/24, or /48 of IPv6) within `window`',
    cause:
      'The key is used in two places at once: by an identity provider that sends from several networks, or by somebody else too.',
    fix: 'Compare the addresses of the requests with those that your identity provider publishes. If one is none of them, rotate the key and revoke this one. If all are, mute this for the key.',
  },
  'key-in-clear': {
    kind: 'burst',
    of: 'key',
    severity: 'critical',
    codes: ['key-in-clear'],
    breaks: ({ environment, kid }) => environment === 'live' && kid !== null,
    count: 1,
    window: hour,
    when: '`count` requests within `window` present a live key over plain HTTP',
    cause: 'A live key was sent without TLS, where whoever is on the way could read it.',
    fix: 'Mint another key, paste it into the identity provider with the https address, and revoke this one.',
  },
  'live-key-at-sandbox': {
    kind: 'burst',
    of: 'key',
    severity: 'high',
    codes: ['key-of-another-connection'],
    breaks: (decision, { placeOf }) =>
      decision.environment === 'live' && placeOf(addressedConnection(decision))?.environment === 'sandbox',
    count: 1,
    window: hour,
    when: '`count` requests within `window` present a live key at a sandbox connection',
    cause: 'A live key was pasted where tests are made, so more people can read it than should.',
    fix: 'Put the key of the sandbox connection there. Rotate the live key if others can read the settings of that test, and revoke this one.',
  },
  'read-sweep': {
    kind: 'burst',
    of: 'key',
    severity: 'medium',
    counts: 'what was shown',
    breaks: (decision) => isAccepted(decision) && /\.(list|search|read)$/.test(decision.operation ?? ''),
    count: 3_000,
    window: 10 * minute,
    when: '`count` users and groups within `window` are read, one by one or by the page; a request that finds none counts as one',
    cause:
      'Somebody reads out the whole connection: an identity provider at its first or a full synchronisation, or whoever else has the key.',
    fix: 'If no synchronisation was due, look at the addresses of the requests, rotate the key and revoke this one. If it was, acknowledge this.',
  },
  'mass-create': {
    kind: 'burst',
    of: 'connection',
    severity: 'medium',
    breaks: (decision) => isAccepted(decision) && decision.operation === 'users.create',
    count: 1_000,
    window: hour,
    when: '`count` users within `window` are created',
    cause:
      'Many users were assigned to the application at once, or its scope in the identity provider is wider than meant.',
    fix: 'Ask who changed the assignments of the application. If nobody did, set the connection to dry run (latchkey connections set) until it is clear.',
  },
  'mass-deprovision': {
    kind: 'burst',
    of: 'connection',
    severity: 'high',
    breaks: (decision) => isAccepted(decision) && decision.takesAway === true,
    count: 50,
    window: hour,
    when: '`count` users within `window` are deactivated or deleted',
    cause:
      'Many users lost their assignment at once: by a change of scope or of a group in the identity provider, or by somebody who has the key.',
    fix: 'Disable the connection (latchkey connections disable) until it is clear who did it, then enable it (latchkey connections enable); deleted users can be restored (latchkey deleted).',
  },
  'clock-drift': {
    kind: 'burst',
    of: 'key',
    severity: 'medium',
    codes: ['signature-expired', 'signature-too-old', 'signature-not-yet'],
    count: 3,
    window: 10 * minute,
    when: '`count` signed requests within `window` were created too long ago, or later than now',
    cause: 'The clock of the client is wrong, or its requests wait for minutes before they are sent.',
    fix: 'Set the clock of the client by NTP, and have it sign each request right before it is sent.',
  },
  'schema-deviations': {
    kind: 'burst',
    of: 'connection',
    severity: 'low',
    breaks: ({ deviations }) => deviations.some(({ quirk }) => quirk === undefined),
    count: 100,
    window: 10 * minute,
    when: '`count` requests within `window` differ from the standard in a way that is no known habit of their identity provider',
    cause:
      'The attribute mapping of the identity provider does not fit the schemas of this connection; what does not fit is ignored.',
    fix: 'See with latchkey requests show what differs and how to mend it, and change the mapping in the identity provider.',
  },
  silence: {
    kind: 'silence',
    severity: 'medium',
    count: 3,
    window: hour,
    when: 'no request of a connection has its key accepted for `count` times the longest pause of the last seven days with traffic, and for `window` at least; told once three days are known',
    cause:
      'The identity provider has stopped: provisioning was paused there, its key was removed, or nothing reaches this address any more. Or it goes on, and its key is refused, such as one that has expired.',
    fix: 'Look at the provisioning log of the identity provider, and at the records of the connection: refusals there say what to do. Whoever leaves meanwhile keeps access until it goes on.',
  },
} as const satisfies Record<string, Rule>

export type RuleCode = keyof typeof rules

export const ruleCodes = Object.keys(rules) as readonly RuleCode[]

export function ruleOf(code: RuleCode): Rule {
  return rules[code]
}

export function isRuleCode(text: string): text is RuleCode {
  return Object.hasOwn(rules, text)
}

/** Done, and not only rehearsed. */
function isAccepted({ outcome, dryRun }: RequestDecided): boolean {
  return outcome === 'accepted' && dryRun === undefined
}
