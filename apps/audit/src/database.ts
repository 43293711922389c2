/** Nest provider: the database that holds the audit trail. */
export const AUDIT_DATABASE = Symbol('audit database')
