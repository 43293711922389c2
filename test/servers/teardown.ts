import { endKeepers } from './keepers.ts'

export default endKeepers
