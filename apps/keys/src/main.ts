import { boot } from '#libs/program/boot/index'

await boot(() => import('./run.ts'))
