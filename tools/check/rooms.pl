# Arrows go one way: module -> flow -> services -> leaves -> nginx.  A service
# includes no header of the flow, a leaf none of a service; nor has either an
# undefined symbol that a room above it defines.

use strict;
use warnings;

use Check;

my %ROOMS = (
    flow     => [qw( entry ctx client gate subrequest lookup known revalidate
                     keep wait headers status rules state login
                     lost moved callback exchange token identity logout
                     variables page errors conf directives settings storage
                     secrets redis_conf address app registry )],
    services => [qw( call fetch multi vcita session said verdict store
                     store_zone store_redis redis talk link pace stats
                     threads )],
    leaves   => [qw( hash base64url seal assertion cookie id_token claims json
                     tags query text zone reply recall
                     version )],
);

my %ABOVE = (services => ['flow'], leaves => [ 'flow', 'services' ]);
my $OBJECTS = 'build/objs/addon/src';

my %floor;                                   # of a room

for my $floor (keys %ROOMS) {
    $floor{$_} = $floor for @{ $ROOMS{$floor} };
}

$floor{''} = 'flow';                         # the flow's own header

my ($files, $symbols) = (0, 0);


# a room that nobody knows would not be looked at

for my $path (glob "src/$PREFIX*") {
    wrong("$path: tools/check/rooms.pl does not know this room")
        if !$floor{ room_of($path) };
}


# by #include

for my $path (glob "src/$PREFIX*.[ch]") {
    my $floor = $floor{ room_of($path) } or next;
    my %above = map { $_ => 1 } @{ $ABOVE{$floor} || [] };

    for my $header (slurp($path) =~ /^#include "(\w+\.h)"/mg) {
        my $other = $floor{ room_of($header) } // '';

        wrong("$path, of the $floor, includes $header, of the $other")
            if $above{$other};
    }

    $files++;
}


# by symbol

my %defined;                                 # symbol -> floor that defines it

for my $object (glob "$OBJECTS/$PREFIX*.o") {
    my $floor = $floor{ room_of($object) } or next;
    $defined{$_} = $floor for nm('--defined-only', $object);
}

$defined{"${PREFIX}_module"} = 'flow';

for my $floor (sort keys %ABOVE) {
    my %above = map { $_ => 1 } @{ $ABOVE{$floor} };

    for my $room (@{ $ROOMS{$floor} }) {
        next if !-f "src/${PREFIX}_$room.c";

        my $object = "$OBJECTS/${PREFIX}_$room.o";
        wrong("$object is not there: run make"), next if !-f $object;

        for my $symbol (nm('--undefined-only', $object)) {
            wrong("$room, of the $floor, needs $symbol, of the"
                  . " $defined{$symbol}")
                if $above{ $defined{$symbol} // '' };
            $symbols++;
        }
    }
}

done("$files files, $symbols symbols");


sub room_of {
    my ($path) = @_;

    return $path =~ /\Q$PREFIX\E_?(\w*)\.\w+$/ ? $1 : '?';
}


sub nm {
    my ($which, $object) = @_;

    return map { /(\w+)$/ ? $1 : () } `nm -g $which $object`;
}
