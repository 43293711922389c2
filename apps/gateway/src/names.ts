export const gatewaySchema = 'gateway'

/** The gateway's consumer group, and the Nest transport that its followers are bound to. */
export const gatewayGroup = 'gateway'
export const GATEWAY = Symbol(gatewayGroup)

/** Where identity providers reach the gateway; the connection follows. */
export const scimPrefix = '/scim/v2'

/** Where a key is exchanged for an access token. */
export const tokenPath = '/oauth2/token'
