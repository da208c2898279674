/** Request types. Source: ZooDefs.OpCode. */
export const opCode = {
  notification: 0,
  create: 1,
  delete: 2,
  exists: 3,
  getData: 4,
  setData: 5,
  getAcl: 6,
  setAcl: 7,
  getChildren: 8,
  sync: 9,
  ping: 11,
  getChildren2: 12,
  check: 13,
  multi: 14,
  create2: 15,
  reconfig: 16,
  checkWatches: 17,
  removeWatches: 18,
  createContainer: 19,
  deleteContainer: 20,
  createTtl: 21,
  multiRead: 22,
  auth: 100,
  setWatches: 101,
  sasl: 102,
  getEphemerals: 103,
  getAllChildrenNumber: 104,
  setWatches2: 105,
  addWatch: 106,
  whoAmI: 107,
  createSession: -10,
  closeSession: -11,
  error: -1,
} as const;

export type OpName = keyof typeof opCode;

/** Every error a server answers or a client makes up. Source: KeeperException.Code. */
export const errorCode = {
  ok: 0,
  systemError: -1,
  runtimeInconsistency: -2,
  dataInconsistency: -3,
  connectionLoss: -4,
  marshallingError: -5,
  unimplemented: -6,
  operationTimeout: -7,
  badArguments: -8,
  newConfigNoQuorum: -13,
  reconfigInProgress: -14,
  unknownSession: -12,
  apiError: -100,
  noNode: -101,
  noAuth: -102,
  badVersion: -103,
  noChildrenForEphemerals: -108,
  nodeExists: -110,
  notEmpty: -111,
  sessionExpired: -112,
  invalidCallback: -113,
  invalidAcl: -114,
  authFailed: -115,
  sessionMoved: -118,
  notReadOnly: -119,
  ephemeralOnLocalSession: -120,
  noWatcher: -121,
  requestTimeout: -122,
  reconfigDisabled: -123,
  sessionClosedRequireSaslAuth: -124,
  quotaExceeded: -125,
  throttledOp: -127,
} as const;

export type ErrorName = Exclude<keyof typeof errorCode, 'ok'>;

const errorNames = new Map<number, ErrorName>(
  Object.entries(errorCode).flatMap(([name, code]) => (code === 0 ? [] : [[code, name as ErrorName]])),
);

/** The name of a code other than 0; a code nobody knows is a `systemError`. */
export const errorNameOf = (code: number): ErrorName => errorNames.get(code) ?? 'systemError';

/** Transaction ids that are not a client's count. */
export const xid = { notification: -1, ping: -2, auth: -4, setWatches: -8 } as const;

/** `flags` of a create. Source: CreateMode. */
export const createFlags = {
  persistent: 0,
  ephemeral: 1,
  persistentSequential: 2,
  ephemeralSequential: 3,
  container: 4,
  persistentTtl: 5,
  persistentSequentialTtl: 6,
} as const;

export type CreateMode = keyof typeof createFlags;

/** Bits of an access-control entry. Source: ZooDefs.Perms. */
export const permission = { read: 1, write: 2, create: 4, delete: 8, admin: 16, all: 31 } as const;

/** Types of watch events. Source: Watcher.Event.EventType. */
export const eventType = {
  none: -1,
  nodeCreated: 1,
  nodeDeleted: 2,
  nodeDataChanged: 3,
  nodeChildrenChanged: 4,
  dataWatchRemoved: 5,
  childWatchRemoved: 6,
  persistentWatchRemoved: 7,
} as const;

export type EventName = keyof typeof eventType;

const eventNames = new Map<number, EventName>(
  Object.entries(eventType).map(([name, code]) => [code, name as EventName]),
);
export const eventNameOf = (code: number): EventName | undefined => eventNames.get(code);

/** State of the client that travels with an event. Source: Watcher.Event.KeeperState. */
export const keeperState = {
  disconnected: 0,
  syncConnected: 3,
  authFailed: 4,
  connectedReadOnly: 5,
  expired: -112,
} as const;

/** `mode` of addWatch. Source: AddWatchMode. */
export const addWatchMode = { persistent: 0, persistentRecursive: 1 } as const;

/** `type` of checkWatches and removeWatches. Source: Watcher.WatcherType. */
export const watcherType = { children: 1, data: 2, any: 3, persistent: 4, persistentRecursive: 5 } as const;
