/** The transport that serves the directory's event controllers. */
export const DIRECTORY = Symbol('directory')
export const directoryGroup = 'directory'
export const directorySchema = 'directory'
