/** What the shared secrets of request signing are sealed for. */
export const signingPurpose = 'request signing'
