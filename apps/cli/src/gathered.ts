/** Reads an option that may be repeated: each names one more. Any other is refused when it is given twice. */
export const gathered = (one: string, others: readonly string[] = []): readonly string[] => [...others, one]
