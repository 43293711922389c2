import { need } from './keepers.ts'

export default async (): Promise<void> => {
  await need('kafka', 'postgres', 'redis')
  await need('distributed')
}
