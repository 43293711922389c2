import { need } from './keepers.ts'

export default async (): Promise<void> => {
  await need('postgres')
  await need('standalone')
}
