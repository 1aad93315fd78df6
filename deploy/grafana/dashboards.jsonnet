// `make dashboards` writes one file for each.
{
  'overview.json': import 'source/overview.libsonnet',
  'authentication.json': import 'source/authentication.libsonnet',
  'abuse.json': import 'source/abuse.libsonnet',
  'dependencies.json': import 'source/dependencies.libsonnet',
  'process.json': import 'source/process.libsonnet',
}
