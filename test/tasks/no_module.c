/*
 * no_module.c
 *		A shared library that is no task module.
 */
extern int	no_module_here(void);

int
no_module_here(void)
{
	return 0;
}
