/** Nest provider: the database that holds the directory. */
export const DIRECTORY_DATABASE = Symbol('directory database')
