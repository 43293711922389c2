/** A connection to try things with. */
export interface FirstConnection {
  readonly scimBaseUrl: string
  /** Undefined when it has keys of which none can be shown. */
  readonly key: string | undefined
}

/** What to paste into an identity provider, and a first request to try. */
export function banner({ scimBaseUrl, key }: FirstConnection, now: Date): string {
  const userName = `ada.${Math.floor(now.getTime() / 1000).toString(36)}@example.com`
  const user = JSON.stringify({
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
    userName,
    name: { givenName: 'Ada', familyName: 'Lovelace' },
    emails: [{ value: userName, type: 'work', primary: true }],
  })
  const shown = key ?? 'mint one with: npm run latchkey -- keys mint --connection CONNECTION'
  return [
    `SCIM base URL     ${scimBaseUrl}`,
    `Provisioning key  ${shown}`,
    `curl -i -X POST '${scimBaseUrl}/Users' -H 'Authorization: Bearer ${key ?? 'KEY'}' -H 'Content-Type: application/scim+json' -d '${user}'`,
    '',
  ].join('\n')
}
