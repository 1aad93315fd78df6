local p = import '../panels.libsonnet';
local on = '{job="portcullis", instance=~"$instance"}';

p.dashboard('process', 'Process', 'What each instance uses of its machine.', [p.instance], [
  {
    title: 'Instances',
    panels: [
      p.name('Versions', 'Two at once only during a deployment.', 'count by (version) (portcullis_build_info%s)' % on, 'version').width(6),
      p.number('Youngest instance', 'Time since its start.', 's', 'time() - max(process_start_time_seconds%s)' % on, [[0, 'text']])
      .width(6).runbooks(['restarting']),
      p.number(
        'Panics',
        'In the time range of the dashboard.',
        'short',
        'sum(increase(portcullis_panics_total%s[$__range]))' % on,
        [[0, 'green'], [1, 'red']]
      ).width(6).runbooks(['panics']),
      p.number(
        'File descriptors',
        'Share in use, on the instance that uses most.',
        'percentunit',
        'max(process_open_fds%s / process_max_fds%s)' % [on, on],
        [[0, 'green'], [0.8, 'red']]
      ).width(6).runbooks(['file-descriptors-low']),
    ],
  },
  {
    title: 'Resources',
    panels: [
      p.lines('Processor', 'Cores in use.', 'none', [
        ['rate(process_cpu_seconds_total%s[$__rate_interval])' % on, '{{instance}}'],
      ]).runbooks(['slow']),
      p.lines('Memory', 'Resident.', 'bytes', [['process_resident_memory_bytes%s' % on, '{{instance}}']]),
      p.lines('File descriptors', 'Open, and the limit.', 'none', [
        ['process_open_fds%s' % on, '{{instance}}'],
        ['min(process_max_fds%s)' % on, 'limit'],
      ]).runbooks(['file-descriptors-low']),
      p.lines('Threads', 'Of the operating system.', 'none', [['process_threads%s' % on, '{{instance}}']]),
      p.lines('Connections', 'Open ones, of all listeners.', 'none', [['portcullis_connections%s' % on, '{{instance}}']])
      .runbooks(['connection-cap-reached']),
      p.lines('Uptime', 'Time since the start of each instance.', 's', [['time() - process_start_time_seconds%s' % on, '{{instance}}']])
      .runbooks(['restarting']),
    ],
  },
])
