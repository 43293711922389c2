import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ruleCodes, ruleOf } from './rules.ts'

/** Where the page lies, seen from the compiled file. */
export const pageFile = join(import.meta.dirname, '../../../../../docs/detections.md')

/** docs/detections.md: every rule with what raises it, for whoever must act, and for whoever sets thresholds. */
export function detectionsPage(): string {
  return `# Detections

The audit service holds these rules against every SCIM request that is decided, at whichever gateway, some moments after its answer: nothing waits for them.
What breaks a rule is raised once for each subject (a key, a connection, or an address where neither is known): as an event \`detection.raised\`, in
\`latchkey_detections_total\`, and in \`latchkey detections list\` and \`GET /admin/v1/detections\`, with cause and fix. As long as it goes on it only counts on.

- \`latchkey detections acknowledge ID\`: it was seen to. It is raised anew when it comes again after a day without it.
- \`latchkey detections mute ID --for 8h\` (or for good): it counts on and is not raised. \`unmute\` ends that; what was acknowledged is so still.

A request counts at the time at which it was received, once, whatever is delivered late or twice. What comes within 11/12 of a window is counted together, what is a
window apart never. The request's record holds who and from where: \`latchkey requests show\` with an id that the detection names.

Thresholds are set for the audit service (or the one process) in \`LATCHKEY_DETECTIONS\`, as JSON. A rule that is not named keeps what stands here:

\`\`\`sh
LATCHKEY_DETECTIONS='{"wrong-secret":{"count":3,"window":"1h"},"mass-create":{"count":20000},"new-network":{"off":true}}'
\`\`\`

This page is written by \`npm run build && node dist/apps/audit/src/detections/page.js\` from \`apps/audit/src/detections/rules.ts\`.

${ruleCodes.map(section).join('\n\n')}
`
}

function section(code: (typeof ruleCodes)[number]): string {
  const { severity, when, count, window, cause, fix } = ruleOf(code)
  return `## \`${code}\`

Raised when ${when}. Severity ${severity}; count ${count}, window ${lengthOf(window)}.

- Cause: ${cause}
- Fix: ${fix}`
}

function lengthOf(milliseconds: number): string {
  const minutes = milliseconds / 60_000
  if (minutes % 1440 === 0) return `${minutes / 1440}d`
  return minutes % 60 === 0 ? `${minutes / 60}h` : `${minutes}m`
}

if (import.meta.main) await writeFile(pageFile, detectionsPage())
