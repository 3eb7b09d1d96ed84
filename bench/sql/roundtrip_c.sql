SELECT task_delay('noop.noop') AS id \gset
SELECT task_get(':id');
