#pragma once
/* A driver that needs less than ntifs.h gets the same declarations. */
#include "ntifs.h"
