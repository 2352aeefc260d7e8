// Questions on a line in, their answers on a line out: whether a request is allowed, and which keys of its context nothing asked for.
// Policies are told once, by the names under which the questions after that have them, and are validated once.
import { createInterface } from 'node:readline'
import {
  createValidatedPolicy,
  validateEndpointPolicy,
  validateIdentityPolicy,
  validateResourcePolicy
} from '@cloud-copilot/iam-policy'
import { runSimulation } from '@cloud-copilot/iam-simulate'

const told = new Map()
const validated = new Map()

function policyOf(name, validate) {
  const key = `${validate.name} ${name}`
  if (!validated.has(key)) validated.set(key, createValidatedPolicy(told.get(name), validate))
  return validated.get(key)
}

function policiesOf(named, validate) {
  return named?.map(({ name, policy }) => ({ name, policy: policyOf(policy, validate) }))
}

function filledIn(simulation) {
  return {
    ...simulation,
    identityPolicies: policiesOf(simulation.identityPolicies, validateIdentityPolicy),
    permissionBoundaryPolicies: policiesOf(simulation.permissionBoundaryPolicies, validateIdentityPolicy),
    vpcEndpointPolicies: policiesOf(simulation.vpcEndpointPolicies, validateEndpointPolicy),
    resourcePolicy:
      simulation.resourcePolicy === undefined ? undefined : policyOf(simulation.resourcePolicy, validateResourcePolicy)
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const { policies, simulations } = JSON.parse(line)
  for (const [name, policy] of Object.entries(policies)) told.set(name, policy)
  const said = []
  for (const simulation of simulations) {
    const answer = await runSimulation(filledIn(simulation), {})
    said.push(
      answer.resultType === 'error'
        ? { error: answer.errors }
        : { result: answer.overallResult, ignored: answer.result?.ignoredContextKeys ?? [] }
    )
  }
  process.stdout.write(JSON.stringify(said) + '\n')
}
