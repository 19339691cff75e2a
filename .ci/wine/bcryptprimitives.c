/* Rust's standard library asks bcryptprimitives.dll for random numbers, by its one function. Wine 8 (Debian
 * 12) does not have that library; this is the same function on top of what Wine has. Wine 9 and newer, and
 * Windows, need no such file. */
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG length); /* RtlGenRandom, in advapi32 */

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T length) {
    return SystemFunction036(data, (ULONG)length);
}
