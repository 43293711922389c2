import { need } from './keepers.ts'

export default (): Promise<void> => need('postgres')
