export { toCloudEvent, type CloudEvent } from './cloud-event.ts'
export { makeEvent, readEvent, type Event, type AnyEvent, UnreadableEvent } from './envelope.ts'
export { eventSources, type EventSource } from './sources.ts'
export { eventNames, families, familyOf, hears, type EventFamily, type EventName, type EventPattern } from './names.ts'
export { payloadSchemas, jsonSchemaOf, type Payload } from './payloads.ts'
export { type Announced, announcedEvents, isAnnounced } from './announced.ts'
export { connectionEvents, keyEvents, tenantEvents, environments, identityProviders } from './trust.ts'
export {
  connectionSettings,
  connectionSettingsChange,
  defaultSettings,
  type ConnectionSettings,
  type ConnectionSettingsChange,
} from './connection-settings.ts'
export {
  defaultPolicy,
  keyPolicy,
  keyScopes,
  type KeyAuthentication,
  type KeyPolicy,
  type KeyScope,
} from './key-policy.ts'
export { dataKeyEvents, keyDigestEvents, type WrappedDataKey } from './data-keys.ts'
export type { ConnectionSchema } from './connection-schema.ts'
export type { ConnectionFacts, Environment, IdentityProvider, KnownKeyFacts } from './trust.ts'
export { type Person, type GroupFacts, type MemberReference, userEvents, groupEvents } from './people.ts'
export {
  detectionEvents,
  type DetectionSeverity,
  detectionSeverities,
  type DetectionSubject,
  detectionSubjects,
} from './detections.ts'
export { isLetIn, requestEvents, type RequestDecided, type StepDecision } from './requests.ts'
export { adminTokenDigestEvents, adminTokenEvents, type AdminTokenPowers } from './admin-tokens.ts'
export { cancelledOutcomes, finishedOutcomes, noticeKinds, rotationEvents, type NoticeKind } from './rotations.ts'
export { isTopic, topicNames, topicOf, topics, topicsWith, type Topic } from './topics.ts'
export { logMarked, markName, type LogMarked } from './mark.ts'
export { isId, newId } from './id.ts'
export { valueDigest } from './value-digest.ts'
