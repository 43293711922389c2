import { listOf, rotationPolicyShown, rotationShown, rotationStarted } from '../answer-schemas.ts'
import { finishRotation, startRotation } from '../rotations.controller.ts'
import { rotationPolicyRule, rotationsQuery } from '../rules.ts'
import { read, type NounOperations } from './noun-operations.ts'

export const rotations = {
  'GET /admin/v1/connections/:connection/rotation-policy': read(
    'Show how the keys of a connection are rotated',
    { scope: 'keys:read', concerns: 'connection' },
    rotationPolicyShown,
  ),
  'PUT /admin/v1/connections/:connection/rotation-policy': {
    scope: 'keys:rotate',
    concerns: 'connection',
    summary: 'Change how the keys of a connection are rotated',
    body: rotationPolicyRule,
    answers: { 200: rotationPolicyShown },
    refusals: ['conflict'],
    conditional: true,
    idempotent: true,
    tagged: true,
  },
  'POST /admin/v1/connections/:connection/rotations': {
    scope: 'keys:rotate',
    concerns: 'connection',
    summary: 'Start a rotation: mint the key that takes the place of the present one',
    body: startRotation,
    bodyOptional: true,
    answers: { 201: rotationStarted },
    refusals: ['conflict'],
    idempotent: true,
  },
  'GET /admin/v1/connections/:connection/rotations': {
    scope: 'keys:read',
    concerns: 'connection',
    summary: 'List the rotations of a connection',
    query: rotationsQuery,
    answers: { 200: listOf(rotationShown) },
  },
  'GET /admin/v1/rotations/:rotation': {
    scope: 'keys:read',
    concerns: 'rotation',
    summary: 'Show a rotation, with what proves the cut-over',
    answers: { 200: rotationShown },
  },
  'POST /admin/v1/rotations/:rotation/finish': {
    scope: 'keys:rotate',
    concerns: 'rotation',
    summary: 'End the old key now',
    body: finishRotation,
    bodyOptional: true,
    answers: { 200: rotationShown },
    refusals: ['conflict'],
    idempotent: true,
  },
  'POST /admin/v1/rotations/:rotation/cancel': {
    scope: 'keys:rotate',
    concerns: 'rotation',
    summary: 'Keep the old key: the next one was never used',
    answers: { 200: rotationShown },
    refusals: ['conflict'],
    idempotent: true,
  },
} satisfies NounOperations
