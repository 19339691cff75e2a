/* The crate sysinfo asks pdh.dll how busy the processor is. Wine 8 ends a program that calls PdhEnumObjectsW,
 * which sysinfo does first. Here each function says that it cannot answer, and the share stays unknown: the
 * telemetry's arithmetic is tested, what Windows tells is not. */
#include <windows.h>

#define CANNOT 0xC0000BD3 /* PDH_NOT_IMPLEMENTED */
#define FUNCTION(name) __declspec(dllexport) LONG WINAPI name(void) { return (LONG)CANNOT; }

/* By the calling convention of x86-64 the caller removes its arguments, so none are named. */
FUNCTION(PdhAddEnglishCounterW)
FUNCTION(PdhCloseQuery)
FUNCTION(PdhCollectQueryData)
FUNCTION(PdhEnumObjectsW)
FUNCTION(PdhGetFormattedCounterValue)
FUNCTION(PdhOpenQueryW)
FUNCTION(PdhRemoveCounter)
