SELECT task_delay('noop') AS id \gset
SELECT task_get(':id');
