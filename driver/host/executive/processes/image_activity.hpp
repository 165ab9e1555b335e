// Loads of images as the notify routines see them.
#pragma once

#include "driver/host/executive/processes/process.hpp"
#include "driver/host/executive/processes/process_activity.hpp"

namespace aegis::host {

// Calls the notify routines in the context of the thread that maps the image.
void notify_image_load(Process& loader, const ImageLoad& load);

}  // namespace aegis::host
