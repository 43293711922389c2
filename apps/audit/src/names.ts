/** The transport that serves the audit trail's event controllers. */
export const AUDIT = Symbol('audit')
export const auditGroup = 'audit'
export const auditSchema = 'audit'
