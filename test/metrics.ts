/** What one series of Prometheus' text format says; 0 while it is not there. */
export function seriesIn(text: string, series: string): number {
  const line = text.split('\n').find((each) => each.startsWith(`${series} `))
  return line === undefined ? 0 : Number(line.slice(series.length))
}
