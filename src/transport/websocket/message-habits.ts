/** What older protocols do with WebSocket messages, and the native one does not. */
export interface MessageHabits {
  /** Text messages carry bytes as well. */
  readonly text?: boolean;
  /** An empty message came, whole in one frame. */
  readonly empty?: () => void;
}
