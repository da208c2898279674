/** Plain counters on hot paths, read by the four-letter words, the admin commands and the metrics. */
export class ServerStatistics {
  packetsReceived = 0;
  packetsSent = 0;
  latencyMsMin = Number.POSITIVE_INFINITY;
  latencyMsMax = 0;
  latencyMsSum = 0;
  latencyCount = 0;
  connectionsRejected = 0;
  connectionsDropped = 0;
  watchesRefused = 0;
  sessionsExpired = 0;
  requestsOutstanding = 0;
  /** Written to sockets and not taken by the clients yet. */
  unsentBytes = 0;
  reads = 0;
  writes = 0;
  watchEvents = 0;
  bytesReceived = 0;
  syncs = 0;
  syncMsSum = 0;
  syncMsMax = 0;
  snapshots = 0;
  snapshotMsLast = 0;

  answered(latencyMs: number): void {
    this.latencyCount++;
    this.latencyMsSum += latencyMs;
    if (latencyMs > this.latencyMsMax) this.latencyMsMax = latencyMs;
    if (latencyMs < this.latencyMsMin) this.latencyMsMin = latencyMs;
  }

  get latencyMsAverage(): number {
    return this.latencyCount === 0 ? 0 : this.latencyMsSum / this.latencyCount;
  }

  /** The word `srst`. */
  reset(): void {
    this.packetsReceived = 0;
    this.packetsSent = 0;
    this.latencyMsMin = Number.POSITIVE_INFINITY;
    this.latencyMsMax = 0;
    this.latencyMsSum = 0;
    this.latencyCount = 0;
  }
}
