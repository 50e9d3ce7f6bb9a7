// Judges calls by a policy: reads {account, policy, calls: [{action, resource, context}]} on standard input and writes
// the result of each, "Allowed" or what IAM would say, as JSON.
import { readFileSync } from 'node:fs'
import { runSimulation } from '@cloud-copilot/iam-simulate'

const { account, policy, calls } = JSON.parse(readFileSync(0, 'utf8'))
const results = []
for (const { action, resource, context } of calls) {
  const { resultType, overallResult, errors, analysis } = await runSimulation(
    {
      identityPolicies: [{ name: 'policy', policy }],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      request: { principal: `arn:aws:iam::${account}:role/tried`, action, resource: { resource, accountId: account }, contextVariables: context },
    },
    {},
  )
  results.push(errors ? `error: ${JSON.stringify(errors)}` : (overallResult ?? analysis?.result ?? resultType))
}
console.log(JSON.stringify(results))
