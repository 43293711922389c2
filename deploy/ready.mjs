/** Ends with 0 when the service at the port that is given says it is ready, else with 1 and what it said. */
try {
  const url = `http://127.0.0.1:${process.argv[2]}/health/ready`
  const answer = await fetch(url, { signal: AbortSignal.timeout(4_000) })
  console.log(await answer.text())
  process.exitCode = answer.ok ? 0 : 1
} catch (error) {
  console.log(error.cause?.message ?? error.message)
  process.exitCode = 1
}
