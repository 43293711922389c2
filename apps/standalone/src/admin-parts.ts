import { auditPart } from '#apps/audit/src/index'
import { directoryPart } from '#apps/directory/src/index'
import { gatewayPart } from '#apps/gateway/src/index'
import { keysPart } from '#apps/keys/src/index'

/** The operations of the four services. */
export const adminParts = [gatewayPart, keysPart, directoryPart, auditPart] as const
