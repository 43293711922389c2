interface RequestQueue {
  throttledUntil: number
  pending: readonly unknown[]
  throttleCheckTimeoutId: NodeJS.Timeout | null
  checkPendingRequests(): void
}

/**
 * The request queue of kafkajs 2.2.4 sets its timer again whether or not a request waits, to a time that has passed: an idle
 * connection wakes up every millisecond, which costs 4 % of a core. Here the timer is set only for requests that wait.
 */
export function mendRequestTimer(require: NodeJS.Require): void {
  const { prototype } = require('kafkajs/src/network/requestQueue') as {
    prototype: RequestQueue & { scheduleCheckPendingRequests(): void }
  }
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue): void {
    if (this.throttleCheckTimeoutId !== null || this.pending.length === 0) return
    const wait = Math.max(this.throttledUntil - Date.now(), longestUnthrottledWait)
    this.throttleCheckTimeoutId = setTimeout(() => {
      this.throttleCheckTimeoutId = null
      this.checkPendingRequests()
    }, wait)
  }
}

/** Milliseconds; answers, too, make it look for requests that wait. */
const longestUnthrottledWait = 10
