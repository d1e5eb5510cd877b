/** Whatever takes events out of the log at its own pace. */
export interface EventSink {
  /** Names it in logs and metrics. */
  readonly name: string;
  /** Events that it has still to take. */
  readonly behind: number;
  /** Events that it never got, or could not pass on. */
  readonly lost: number;
  /** Takes what was published until now, within EVENT_SINK_CLOSE_MS, then ends. */
  close(): Promise<void>;
}
